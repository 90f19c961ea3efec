import { catalogue } from './catalogue.ts'
import en from './en/planning.ts'

export const m = catalogue('planning', en)
