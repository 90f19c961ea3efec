// What somebody carries: goods that wait, or goods for a pick face.
export interface Load {
  purpose: 'put_away' | 'refill'
  sku: string
  label: string
  lot: string | null
  handling_unit: string | null
  quantity: number
  unit: string
  /** Where it lies: a zone, a bin. */
  zone: string | null
  from: string | null
  /** The pick face. */
  into?: string
}
