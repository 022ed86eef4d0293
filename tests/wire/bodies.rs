//! Answers as AWS writes them, built from as little as a test needs.

use std::fmt::{Display, Write};

use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::server::{GROUP, REQUEST_ID};

const EC2: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";
const AUTO_SCALING: &str = "http://autoscaling.amazonaws.com/doc/2011-01-01/";
const STS: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

fn xml(status: u16, body: String) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body, "text/xml;charset=UTF-8")
}

fn token(name: &str, next: Option<&str>) -> String {
    next.map(|next| format!("<{name}>{next}</{name}>")).unwrap_or_default()
}

/// An answer of EC2's.
pub fn ec2(action: &str, inner: &str) -> ResponseTemplate {
    xml(200, ec2_text(action, inner))
}

/// The same as text.
pub fn ec2_text(action: &str, inner: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<{action}Response xmlns="{EC2}"><requestId>{REQUEST_ID}</requestId>{inner}</{action}Response>"#
    )
}

/// An error of EC2's.
pub fn ec2_error(status: u16, code: &str, message: &str) -> ResponseTemplate {
    let body = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>{REQUEST_ID}</RequestID></Response>"#
    );
    xml(status, body)
}

/// The start of a rule in a describe; close it with [`rules`].
pub fn rule(id: &str, source: &str) -> String {
    format!(
        "<item><securityGroupRuleId>{id}</securityGroupRuleId><groupId>{GROUP}</groupId>\
         <groupOwnerId>123456789012</groupOwnerId><isEgress>false</isEgress>\
         <ipProtocol>tcp</ipProtocol><fromPort>7000</fromPort><toPort>7001</toPort>{source}\
         <description>sgsync orders-db i-1</description>\
         <tagSet><item><key>sgsync:mesh</key><value>orders-db</value></item></tagSet></item>"
    )
}

/// A page of `DescribeSecurityGroupRules`.
pub fn rules(items: &[String], next: Option<&str>) -> ResponseTemplate {
    let inner = format!(
        "<securityGroupRuleSet>{}</securityGroupRuleSet>{}",
        items.concat(),
        token("nextToken", next)
    );
    ec2("DescribeSecurityGroupRules", &inner)
}

/// The answer to an Authorize that made these rules.
pub fn authorized(items: &[String]) -> String {
    format!(
        r#"<AuthorizeSecurityGroupIngressResponse xmlns="{EC2}"><requestId>{REQUEST_ID}</requestId><return>true</return><securityGroupRuleSet>{}</securityGroupRuleSet></AuthorizeSecurityGroupIngressResponse>"#,
        items.concat()
    )
}

/// An instance with the insides given, in state `running` and of group `asg`.
pub fn instance(id: &str, asg: &str, inner: &str) -> String {
    format!(
        "<item><instanceId>{id}</instanceId>\
         <instanceState><code>16</code><name>running</name></instanceState>{inner}\
         <tagSet><item><key>Name</key><value>node</value></item>\
         <item><key>aws:autoscaling:groupName</key><value>{asg}</value></item></tagSet></item>"
    )
}

/// A page of `DescribeInstances`, each instance in a reservation of its own.
pub fn instances(items: &[String], next: Option<&str>) -> ResponseTemplate {
    let mut set = String::new();
    for (n, item) in items.iter().enumerate() {
        let open = format!("<item><reservationId>r-{n}</reservationId><ownerId>1</ownerId>");
        let _ = write!(set, "{open}<groupSet/><instancesSet>{item}</instancesSet></item>");
    }
    let next = token("nextToken", next);
    ec2("DescribeInstances", &format!("<reservationSet>{set}</reservationSet>{next}"))
}

/// An answer of Auto Scaling's.
pub fn auto_scaling(action: &str, result: &str) -> ResponseTemplate {
    xml(200, auto_scaling_text(action, result))
}

/// The same as text.
pub fn auto_scaling_text(action: &str, result: &str) -> String {
    format!(
        r#"<{action}Response xmlns="{AUTO_SCALING}"><{action}Result>{result}</{action}Result><ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata></{action}Response>"#
    )
}

/// An error of a query service other than EC2.
pub fn query_error(namespace: &str, status: u16, code: &str, message: &str) -> ResponseTemplate {
    let body = format!(
        r#"<ErrorResponse xmlns="{namespace}"><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"#
    );
    xml(status, body)
}

/// An error of Auto Scaling's.
pub fn auto_scaling_error(status: u16, code: &str, message: &str) -> ResponseTemplate {
    query_error(AUTO_SCALING, status, code, message)
}

/// An Auto Scaling group and its instances with their lifecycle states.
pub fn group(name: &str, instances: &[(&str, &str)]) -> String {
    let mut members = String::new();
    for (id, state) in instances {
        let _ = write!(
            members,
            "<member><InstanceId>{id}</InstanceId><AvailabilityZone>us-east-1a</AvailabilityZone>\
             <LifecycleState>{state}</LifecycleState><HealthStatus>Healthy</HealthStatus>\
             <ProtectedFromScaleIn>false</ProtectedFromScaleIn></member>"
        );
    }
    format!(
        "<member><AutoScalingGroupName>{name}</AutoScalingGroupName><MinSize>0</MinSize>\
         <MaxSize>9</MaxSize><DesiredCapacity>1</DesiredCapacity><DefaultCooldown>300</DefaultCooldown>\
         <HealthCheckType>EC2</HealthCheckType><CreatedTime>2026-11-01T00:00:00.000Z</CreatedTime>\
         <Instances>{members}</Instances></member>"
    )
}

/// A page of `DescribeAutoScalingGroups`.
pub fn groups(items: &[String], next: Option<&str>) -> ResponseTemplate {
    let next = token("NextToken", next);
    let groups = format!("<AutoScalingGroups>{}</AutoScalingGroups>{next}", items.concat());
    auto_scaling("DescribeAutoScalingGroups", &groups)
}

/// Credentials of an assumed role.
pub fn assumed(access_key: &str) -> ResponseTemplate {
    assumed_until(access_key, "2036-11-09T13:34:41Z")
}

/// The same, with credentials that end then.
pub fn assumed_until(access_key: &str, end: impl Display) -> ResponseTemplate {
    let body = format!(
        r#"<AssumeRoleResponse xmlns="{STS}"><AssumeRoleResult><AssumedRoleUser><AssumedRoleId>ARO123:sgsync</AssumedRoleId><Arn>arn:aws:sts::210987654321:assumed-role/sgsync/sgsync</Arn></AssumedRoleUser><Credentials><AccessKeyId>{access_key}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken><Expiration>{end}</Expiration></Credentials></AssumeRoleResult><ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata></AssumeRoleResponse>"#
    );
    xml(200, body)
}

/// STS refuses.
pub fn sts_error(status: u16, code: &str, message: &str) -> ResponseTemplate {
    query_error(STS, status, code, message)
}

/// An answer of DynamoDB's.
pub fn dynamodb(status: u16, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body.to_string(), "application/x-amz-json-1.0")
}

/// An error of DynamoDB's, with whatever comes beside its message.
pub fn dynamodb_error(status: u16, code: &str, message: &str, beside: &Value) -> ResponseTemplate {
    let service = if code.ends_with("Exception") && code != "ThrottlingException" {
        "com.amazonaws.dynamodb.v20120810"
    } else {
        "com.amazon.coral.service"
    };
    let mut body = json!({ "__type": format!("{service}#{code}"), "message": message });
    for (name, value) in beside.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    dynamodb(status, &body)
}
