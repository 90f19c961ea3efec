import { catalogue } from './catalogue.ts'
import en from './en/frame.ts'

export const m = catalogue('frame', en)
