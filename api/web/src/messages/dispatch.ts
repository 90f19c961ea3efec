import { catalogue } from './catalogue.ts'
import en from './en/dispatch.ts'

export const m = catalogue('dispatch', en)
