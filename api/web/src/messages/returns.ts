import { catalogue } from './catalogue.ts'
import en from './en/returns.ts'

export const m = catalogue('returns', en)
