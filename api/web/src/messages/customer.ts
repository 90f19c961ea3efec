import { catalogue } from './catalogue.ts'
import en from './en/customer.ts'

export const m = catalogue({ en })
