output "queues" {
  description = "Names of the queue of arrivals and of what it could not be rid of."
  value       = { inbox = module.inbox.name, dead = module.inbox.dead.name }
}
