output "queues" {
  description = "Names of the queue of arrivals and of its dead-letter queue."
  value       = { inbox = module.inbox.name, dead = module.inbox.dead.name }
}
