import { catalogue } from './catalogue.ts'
import en from './en/audit.ts'

export const m = catalogue('audit', en)
