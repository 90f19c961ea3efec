import { catalogue } from './catalogue.ts'
import en from './en/shipments.ts'

export const m = catalogue('shipments', en)
