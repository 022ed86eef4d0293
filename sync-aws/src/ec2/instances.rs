//! Instances as EC2 shows them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use aws_sdk_ec2::types::{Instance, InstanceNetworkInterface, InstanceNetworkInterfaceAssociation};
use sync_core::cidr::{Cidr, InvalidCidr};
use sync_core::names::{AsgName, InstanceId};
use sync_core::ports::InstanceView;

/// The tag that Auto Scaling puts on its instances.
const GROUP_TAG: &str = "aws:autoscaling:groupName";

/// Reads an instance with every address of every interface.
///
/// # Errors
/// Says what is missing or cannot be read. The caller gives up the whole read: an
/// address left out would count as gone.
pub(super) fn view(instance: &Instance) -> Result<(InstanceId, InstanceView), String> {
    let id = instance.instance_id().ok_or("an instance without an id")?;
    let of = |problem: String| format!("{id}: {problem}");
    let state = instance.state().and_then(|state| state.name());
    let state = state.ok_or_else(|| of("without a state".to_owned()))?;
    let tag = instance.tags().iter().find(|tag| tag.key() == Some(GROUP_TAG));
    let view = InstanceView {
        state: state.as_str().to_owned(),
        asg: tag.and_then(|tag| tag.value()).map(AsgName::new),
        public_ipv4: addresses(public(instance)).map_err(of)?,
        private_ipv4: addresses(private(instance)).map_err(of)?,
        ipv6: addresses(ipv6(instance)).map_err(of)?,
        prefixes: prefixes(instance).map_err(of)?,
    };
    Ok((InstanceId::new(id), view))
}

/// Public addresses of every interface, secondary ones included. The instance's own
/// field shows one of them, or a carrier's address, which only a mobile network
/// reaches (`facts/aws.md`, section 4); it counts where no interface denies it.
fn public(instance: &Instance) -> BTreeSet<&str> {
    let interfaces = || instance.network_interfaces().iter().flat_map(associations);
    let carrier: BTreeSet<_> = interfaces().filter_map(|a| a.carrier_ip()).collect();
    let shown = interfaces().filter_map(|a| a.public_ip()).chain(instance.public_ip_address());
    shown.filter(|address| !carrier.contains(address)).collect()
}

fn associations(
    interface: &InstanceNetworkInterface,
) -> impl Iterator<Item = &InstanceNetworkInterfaceAssociation> {
    let secondary = interface.private_ip_addresses().iter().filter_map(|a| a.association());
    interface.association().into_iter().chain(secondary)
}

fn private(instance: &Instance) -> BTreeSet<&str> {
    let interfaces = instance.network_interfaces().iter();
    let of_interfaces = interfaces.flat_map(|interface| {
        let all = interface.private_ip_addresses().iter().filter_map(|a| a.private_ip_address());
        interface.private_ip_address().into_iter().chain(all)
    });
    of_interfaces.chain(instance.private_ip_address()).collect()
}

fn ipv6(instance: &Instance) -> BTreeSet<&str> {
    let interfaces = instance.network_interfaces().iter();
    let of_interfaces =
        interfaces.flat_map(|i| i.ipv6_addresses().iter().filter_map(|a| a.ipv6_address()));
    of_interfaces.chain(instance.ipv6_address()).collect()
}

/// Delegated prefixes, as the blocks they are.
fn prefixes(instance: &Instance) -> Result<BTreeSet<Cidr>, String> {
    let of_interface = |interface: &InstanceNetworkInterface| {
        let ipv4 = interface.ipv4_prefixes().iter().filter_map(|p| p.ipv4_prefix());
        let ipv6 = interface.ipv6_prefixes().iter().filter_map(|p| p.ipv6_prefix());
        ipv4.chain(ipv6).map(str::to_owned).collect::<Vec<_>>()
    };
    let texts = instance.network_interfaces().iter().flat_map(of_interface);
    texts.map(|text| text.parse().map_err(|error: InvalidCidr| error.to_string())).collect()
}

fn addresses(texts: BTreeSet<&str>) -> Result<BTreeSet<IpAddr>, String> {
    let parse = |text: &str| text.parse().map_err(|_| format!("`{text}` is no address"));
    texts.into_iter().filter(|text| !text.is_empty()).map(parse).collect()
}
