import { catalogue } from './catalogue.ts'
import en from './en/products.ts'

export const m = catalogue('products', en)
