import { catalogue } from './catalogue.ts'
import en from './en/brokers.ts'

export const m = catalogue('brokers', en)
