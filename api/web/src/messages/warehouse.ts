import { catalogue } from './catalogue.ts'
import en from './en/warehouse.ts'

export const m = catalogue('warehouse', en)
