import { catalogue } from './catalogue.ts'
import en from './en/waves.ts'

export const m = catalogue('waves', en)
