import { catalogue } from './catalogue.ts'
import en from './en/shipment.ts'

export const m = catalogue('shipment', en)
