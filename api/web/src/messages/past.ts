import { catalogue } from './catalogue.ts'
import en from './en/past.ts'

export const m = catalogue('past', en)
