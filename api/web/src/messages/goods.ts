import { catalogue } from './catalogue.ts'
import en from './en/goods.ts'

export const m = catalogue('goods', en)
