import { catalogue } from './catalogue.ts'
import en from './en/packaging.ts'

export const m = catalogue('packaging', en)
