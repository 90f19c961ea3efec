import { catalogue } from './catalogue.ts'
import en from './en/trace.ts'

export const m = catalogue('trace', en)
