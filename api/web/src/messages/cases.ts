import { catalogue } from './catalogue.ts'
import en from './en/cases.ts'

export const m = catalogue('cases', en)
