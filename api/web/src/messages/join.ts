import { catalogue } from './catalogue.ts'
import en from './en/join.ts'

export const m = catalogue('join', en)
