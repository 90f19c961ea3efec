import { catalogue } from './catalogue.ts'
import en from './en/shared.ts'

export const m = catalogue('shared', en)
