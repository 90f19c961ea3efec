// Which webhook is open, and which of its deliveries are shown.
import { ReceiversView } from '#shared/receivers/view.svelte.ts'

import { kind } from './words.ts'

export const view = new ReceiversView(kind)
