import { catalogue } from './catalogue.ts'
import en from './en/replenishment.ts'

export const m = catalogue('replenishment', en)
