output "queues" {
  description = "Names of the queue of arrivals and of what it could not be rid of."
  value       = { inbox = aws_sqs_queue.inbox.name, dead = aws_sqs_queue.dead.name }
}
