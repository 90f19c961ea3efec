import { catalogue } from './catalogue.ts'
import en from './en/delivery.ts'

export const m = catalogue('delivery', en)
