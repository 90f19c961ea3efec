import { catalogue } from './catalogue.ts'
import en from './en/moves.ts'

export const m = catalogue('moves', en)
