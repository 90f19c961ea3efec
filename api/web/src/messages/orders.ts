import { catalogue } from './catalogue.ts'
import en from './en/orders.ts'

export const m = catalogue('orders', en)
