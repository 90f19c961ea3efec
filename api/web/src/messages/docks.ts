import { catalogue } from './catalogue.ts'
import en from './en/docks.ts'

export const m = catalogue('docks', en)
