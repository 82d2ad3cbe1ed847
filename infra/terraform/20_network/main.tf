# Two public subnets without ingress: containers only call out. Private subnets would need a NAT
# gateway, which costs more than everything else together.
locals {
  reads = toset([])
  zones = slice(data.aws_availability_zones.here.names, 0, 2)
}

data "aws_availability_zones" "here" {
  state = "available"
}

resource "aws_vpc" "main" {
  cidr_block           = var.vpc_cidr
  enable_dns_hostnames = true
  tags                 = { Name = "${local.base}-vpc" }
}

# The default group, which blocks all traffic.
resource "aws_default_security_group" "none" {
  vpc_id = aws_vpc.main.id
}

resource "aws_internet_gateway" "out" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = "${local.base}-igw" }
}

resource "aws_subnet" "public" {
  count             = 2
  vpc_id            = aws_vpc.main.id
  cidr_block        = cidrsubnet(var.vpc_cidr, 2, count.index)
  availability_zone = local.zones[count.index]
  tags              = { Name = "${local.base}-subnet-${count.index}" }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = "${local.base}-rtb" }
}

resource "aws_route" "out" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.out.id
}

resource "aws_route_table_association" "public" {
  count          = 2
  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}

# Traffic to S3 and DynamoDB avoids the internet and its price.
resource "aws_vpc_endpoint" "gateway" {
  for_each          = toset(["s3", "dynamodb"])
  vpc_id            = aws_vpc.main.id
  service_name      = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.public.id]
}

resource "aws_security_group" "tasks" {
  name        = "${local.base}-sg-tasks"
  description = "Containers of workers and flow runs: nothing comes in."
  vpc_id      = aws_vpc.main.id
  tags        = { Name = "${local.base}-sg-tasks" }
}

resource "aws_vpc_security_group_egress_rule" "out" {
  for_each = {
    https      = 443
    postgresql = 5432
  }
  security_group_id = aws_security_group.tasks.id
  description       = "${each.key} to wherever settings point"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
  cidr_ipv4         = "0.0.0.0/0"
}
