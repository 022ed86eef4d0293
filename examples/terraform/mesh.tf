# The mesh document, and sgsync's stack in every region.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  # The document of docs/configuration.md, as JSON: the same text everywhere.
  document = jsonencode({
    name  = var.mesh
    allow = [{ protocol = "tcp", ports = var.ports }]
    member = [for region in sort(keys(var.members)) : {
      region              = region
      auto_scaling_groups = [aws_autoscaling_group.orders[region].name]
      security_groups     = [aws_security_group.mesh[region].id]
    }]
  })

  arn     = "arn:${data.aws_partition.current.partition}"
  account = data.aws_caller_identity.current.account_id
  table   = "table/sgsync-${var.mesh}"
}

resource "aws_cloudformation_stack" "sgsync" {
  for_each = var.members
  region   = each.key

  name          = "sgsync-${var.mesh}"
  template_body = file(each.value.template)
  capabilities  = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]

  # What `sgsync render` would fill in (docs/deploy.md, Parameters).
  parameters = {
    MeshName             = var.mesh
    Mesh                 = local.document
    Regions              = join(",", sort(keys(var.members)))
    SecurityGroupArns    = join(",", [for region in sort(keys(var.members)) : aws_security_group.mesh[region].arn])
    TableArns            = join(",", [for region in sort(keys(var.members)) : "${local.arn}:dynamodb:${region}:${local.account}:${local.table}"])
    AutoScalingGroups    = aws_autoscaling_group.orders[each.key].name
    AutoScalingGroupArns = aws_autoscaling_group.orders[each.key].arn
    SecurityGroups       = aws_security_group.mesh[each.key].id
    CreateLifecycleHooks = "false"
    AlarmEmail           = var.alarm_email
  }

  timeouts {
    create = "30m"
  }
}

output "mesh" {
  description = "The mesh document, for the command line: terraform output -raw mesh > mesh.json"
  value       = local.document
}
