import { catalogue } from './catalogue.ts'
import en from './en/stock.ts'

export const m = catalogue('stock', en)
