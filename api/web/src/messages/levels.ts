import { catalogue } from './catalogue.ts'
import en from './en/levels.ts'

export const m = catalogue('levels', en)
