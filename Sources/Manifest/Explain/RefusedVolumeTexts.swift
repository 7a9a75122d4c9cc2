// SPDX-License-Identifier: Apache-2.0
//
// explain's words: volumes of clouds and of network storage, which one machine does not have. Explain.swift says how the lines are read.

extension ExplainTexts {
  static let refusedVolumes: [(type: StaticString, text: StaticString)] = [
    (
      "AWSElasticBlockStoreVolumeSource",
      """
      A disk of Amazon's.
      fsType: The file system on the disk, such as ext4.
      partition: The disk's partition; 0 is the whole disk.
      readOnly: Whether it is mounted read-only. Default false.
      volumeID: The disk's id.
      """
    ),
    (
      "AzureDiskVolumeSource",
      """
      A disk of Azure's.
      cachingMode: How the node caches the disk: None, ReadOnly or ReadWrite.
      diskName: The disk's name.
      diskURI: Where the disk is.
      fsType: =AWSElasticBlockStoreVolumeSource
      kind: Shared, Dedicated or Managed.
      readOnly: =AWSElasticBlockStoreVolumeSource
      """
    ),
    (
      "AzureFileVolumeSource",
      """
      A share of Azure's.
      readOnly: =AWSElasticBlockStoreVolumeSource
      secretName: The Secret with the account and its key.
      shareName: The share's name.
      """
    ),
    (
      "CSIVolumeSource",
      """
      A volume that a driver makes for the pod.
      driver: The driver's name.
      fsType: The file system that is wanted.
      nodePublishSecretRef: The Secret that the driver is given.
      readOnly: =AWSElasticBlockStoreVolumeSource
      volumeAttributes: What the driver is told about the volume.
      """
    ),
    (
      "CephFSVolumeSource",
      """
      A CephFS file system.
      monitors: The addresses of Ceph's monitors.
      path: The folder that is mounted. Default /.
      readOnly: =AWSElasticBlockStoreVolumeSource
      secretFile: The file with the user's key.
      secretRef: The Secret with the user's key.
      user: The user's name.
      """
    ),
    (
      "CinderVolumeSource",
      """
      A disk of OpenStack's.
      fsType: =AWSElasticBlockStoreVolumeSource
      readOnly: =AWSElasticBlockStoreVolumeSource
      secretRef: The Secret with what is needed to reach OpenStack.
      volumeID: The disk's id.
      """
    ),
    (
      "FCVolumeSource",
      """
      A disk reached by Fibre Channel.
      fsType: =AWSElasticBlockStoreVolumeSource
      lun: The number of the unit.
      readOnly: =AWSElasticBlockStoreVolumeSource
      targetWWNs: The world-wide names of the targets.
      wwids: The disk's world-wide identifiers, instead of targets and unit.
      """
    ),
    (
      "FlexVolumeSource",
      """
      A volume of an old kind of driver.
      driver: The driver's name.
      fsType: =AWSElasticBlockStoreVolumeSource
      options: What the driver is told.
      readOnly: =AWSElasticBlockStoreVolumeSource
      secretRef: The Secret that the driver is given.
      """
    ),
    (
      "FlockerVolumeSource",
      """
      A volume of Flocker's.
      datasetName: The data set's name.
      datasetUUID: The data set's id.
      """
    ),
    (
      "GCEPersistentDiskVolumeSource",
      """
      A disk of Google's.
      fsType: =AWSElasticBlockStoreVolumeSource
      partition: =AWSElasticBlockStoreVolumeSource
      pdName: The disk's name.
      readOnly: =AWSElasticBlockStoreVolumeSource
      """
    ),
    (
      "GitRepoVolumeSource",
      """
      A clone of a Git repository.
      directory: The folder that it is cloned into.
      repository: Where the repository is.
      revision: The commit.
      """
    ),
    (
      "GlusterfsVolumeSource",
      """
      A Gluster file system.
      endpoints: The Endpoints object with the servers' addresses.
      path: The volume's name.
      readOnly: =AWSElasticBlockStoreVolumeSource
      """
    ),
    (
      "ISCSIVolumeSource",
      """
      A disk reached by iSCSI.
      chapAuthDiscovery: Whether finding targets needs CHAP.
      chapAuthSession: Whether a session needs CHAP.
      fsType: =AWSElasticBlockStoreVolumeSource
      initiatorName: The name under which the node asks.
      iqn: The target's name.
      iscsiInterface: The initiator's interface. Default default, which is TCP.
      lun: The number of the unit.
      portals: Further addresses of the target.
      readOnly: =AWSElasticBlockStoreVolumeSource
      secretRef: The Secret for CHAP.
      targetPortal: The target's address and port.
      """
    ),
    (
      "NFSVolumeSource",
      """
      A folder of an NFS server.
      path: The folder that the server exports.
      readOnly: =AWSElasticBlockStoreVolumeSource
      server: The server's name or address.
      """
    ),
    (
      "PhotonPersistentDiskVolumeSource",
      """
      A disk of Photon's.
      fsType: =AWSElasticBlockStoreVolumeSource
      pdID: The disk's id.
      """
    ),
    (
      "PortworxVolumeSource",
      """
      A volume of Portworx's.
      fsType: =AWSElasticBlockStoreVolumeSource
      readOnly: =AWSElasticBlockStoreVolumeSource
      volumeID: The volume's id.
      """
    ),
    (
      "QuobyteVolumeSource",
      """
      A volume of Quobyte's.
      group: The group that the files belong to.
      readOnly: =AWSElasticBlockStoreVolumeSource
      registry: The addresses of Quobyte's registry.
      tenant: The tenant that owns the volume.
      user: The user that the files belong to.
      volume: The volume's name.
      """
    ),
    (
      "RBDVolumeSource",
      """
      A Ceph block device.
      fsType: =AWSElasticBlockStoreVolumeSource
      image: The device's name in Ceph.
      keyring: The file with the user's keys.
      monitors: The addresses of Ceph's monitors.
      pool: The pool that the device is in.
      readOnly: =AWSElasticBlockStoreVolumeSource
      secretRef: The Secret with the user's key.
      user: The user's name.
      """
    ),
    (
      "ScaleIOVolumeSource",
      """
      A volume of ScaleIO's.
      fsType: =AWSElasticBlockStoreVolumeSource
      gateway: The address of its gateway.
      protectionDomain: The protection domain that the storage is in.
      readOnly: =AWSElasticBlockStoreVolumeSource
      secretRef: The Secret with user and password.
      sslEnabled: Whether the gateway is reached by TLS.
      storageMode: Whether space is taken at once (ThickProvisioned) or when used (ThinProvisioned).
      storagePool: The pool that the storage is in.
      system: The system's name.
      volumeName: The volume's name.
      """
    ),
    (
      "StorageOSVolumeSource",
      """
      A volume of StorageOS's.
      fsType: =AWSElasticBlockStoreVolumeSource
      readOnly: =AWSElasticBlockStoreVolumeSource
      secretRef: The Secret with what is needed to reach it.
      volumeName: The volume's name.
      volumeNamespace: The namespace that the volume is in.
      """
    ),
    (
      "VsphereVirtualDiskVolumeSource",
      """
      A disk of vSphere's.
      fsType: =AWSElasticBlockStoreVolumeSource
      storagePolicyID: The id of the storage policy.
      storagePolicyName: The name of the storage policy.
      volumePath: Where the disk's file is.
      """
    ),
  ]
}
