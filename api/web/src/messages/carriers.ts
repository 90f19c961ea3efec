import { catalogue } from './catalogue.ts'
import en from './en/carriers.ts'

export const m = catalogue('carriers', en)
