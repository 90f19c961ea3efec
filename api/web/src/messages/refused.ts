import { catalogue } from './catalogue.ts'
import en from './en/refused.ts'

export const m = catalogue('refused', en)
