import { catalogue } from './catalogue.ts'
import en from './en/start.ts'

export const m = catalogue('start', en)
