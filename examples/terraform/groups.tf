# The members: in each region a security group of sgsync's own, and the Auto Scaling group that it admits.

# Nothing but sgsync writes rules here, so there is no `ingress` and no aws_vpc_security_group_ingress_rule, and above all no
# aws_vpc_security_group_rules_exclusive: that would remove sgsync's rules with every apply. Rules of people go into a group
# of their own, as below.
resource "aws_security_group" "mesh" {
  for_each = var.members
  region   = each.key

  name        = "${var.mesh}-mesh"
  description = "Admits the members of ${var.mesh}; written by sgsync"
  vpc_id      = each.value.vpc_id

  lifecycle {
    # Terraform leaves rules alone that it was never told of. This keeps it so if somebody imports the group, or adds one
    # `ingress` block, which would make every rule Terraform's to remove.
    ignore_changes  = [ingress]
    prevent_destroy = true
  }
}

resource "aws_security_group" "people" {
  for_each = var.members
  region   = each.key

  name        = "${var.mesh}-people"
  description = "What people open for ${var.mesh}, and its way out"
  vpc_id      = each.value.vpc_id
}

resource "aws_vpc_security_group_egress_rule" "anywhere" {
  for_each = var.members
  region   = each.key

  security_group_id = aws_security_group.people[each.key].id
  description       = "anywhere"
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_launch_template" "orders" {
  for_each = var.members
  region   = each.key

  name          = var.mesh
  image_id      = each.value.image_id
  instance_type = each.value.instance_type

  vpc_security_group_ids = [
    aws_security_group.mesh[each.key].id,
    aws_security_group.people[each.key].id,
  ]

  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
}

resource "aws_autoscaling_group" "orders" {
  for_each = var.members
  region   = each.key

  name                = "${var.mesh}-${each.key}"
  min_size            = 0
  max_size            = each.value.max_size
  vpc_zone_identifier = each.value.subnet_ids

  launch_template {
    id      = aws_launch_template.orders[each.key].id
    version = aws_launch_template.orders[each.key].latest_version
  }

  tag {
    key                 = "Name"
    value               = var.mesh
    propagate_at_launch = true
  }

  lifecycle {
    ignore_changes = [desired_capacity]
  }
}

# A hook without somebody to answer it stops every launch, so hooks come after the stack and go before it. Names are those
# that the stack's functions answer. The heartbeat is longer than a function may take, with its retries from the queue:
# `sgsync check --online` compares.
resource "aws_autoscaling_lifecycle_hook" "launch" {
  for_each   = var.members
  region     = each.key
  depends_on = [aws_cloudformation_stack.sgsync]

  name                   = "sgsync-${var.mesh}-launch"
  autoscaling_group_name = aws_autoscaling_group.orders[each.key].name
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_LAUNCHING"
  heartbeat_timeout      = 300
  default_result         = "ABANDON"
}

resource "aws_autoscaling_lifecycle_hook" "terminate" {
  for_each   = var.members
  region     = each.key
  depends_on = [aws_cloudformation_stack.sgsync]

  name                   = "sgsync-${var.mesh}-terminate"
  autoscaling_group_name = aws_autoscaling_group.orders[each.key].name
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_TERMINATING"
  heartbeat_timeout      = 300
  default_result         = "CONTINUE"
}
