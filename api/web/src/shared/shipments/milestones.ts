// Milestones that a customer's link may tell of, in the order in which they come.
export const MILESTONES = ['planned', 'departed', 'arriving', 'moved', 'delivered', 'temperature', 'cancelled'] as const
