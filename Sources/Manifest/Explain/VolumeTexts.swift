// SPDX-License-Identifier: Apache-2.0
//
// explain's words: volumes that one machine has. Explain.swift says how the lines are read.

extension ExplainTexts {
  static let volumes: [(type: StaticString, text: StaticString)] = [
    (
      "Volume",
      """
      A folder that containers of the pod can mount; exactly one field beside the name says what is in it. With none it is an emptyDir.
      awsElasticBlockStore: A disk of Amazon's.
      azureDisk: A disk of Azure's.
      azureFile: A share of Azure's.
      cephfs: A CephFS file system.
      cinder: A disk of OpenStack's.
      configMap: The keys of a ConfigMap as files.
      csi: A volume of a driver, made for the pod.
      downwardAPI: Fields of the pod as files.
      emptyDir: An empty folder that lives as long as the pod; a container's restart does not empty it.
      ephemeral: A claim made for the pod and gone with it.
      fc: A disk reached by Fibre Channel.
      flexVolume: A volume of an old kind of driver.
      flocker: A volume of Flocker's.
      gcePersistentDisk: A disk of Google's.
      gitRepo: A clone of a Git repository. Clone in an init container into an emptyDir instead.
      glusterfs: A Gluster file system.
      hostPath: A file or a folder of the node. The pod sees, and may change, what is the machine's.
      image: The files of an image, read-only.
      iscsi: A disk reached by iSCSI.
      name: The volume's name, unique in the pod: a DNS label of at most 63 characters.
      nfs: A folder of an NFS server.
      persistentVolumeClaim: Storage that outlives the pod, by the name of its claim.
      photonPersistentDisk: A disk of Photon's.
      portworxVolume: A volume of Portworx's.
      projected: Secrets, ConfigMaps, fields of the pod and tokens together in one folder.
      quobyte: A volume of Quobyte's.
      rbd: A Ceph block device.
      scaleIO: A volume of ScaleIO's.
      secret: The keys of a Secret as files, in memory.
      storageos: A volume of StorageOS's.
      vsphereVolume: A disk of vSphere's.
      """
    ),
    (
      "ConfigMapVolumeSource",
      """
      The keys of a ConfigMap as files. A changed ConfigMap changes them within seconds, all at once.
      defaultMode: The files' permission bits, 0 to 0777 (octal in YAML, decimal in JSON). Default 0644.
      defaultUser: The files' owner.
      items: Which keys become which files. Default: each key a file of its name.
      name: The ConfigMap's name, in the pod's namespace.
      optional: Whether the ConfigMap or a named key may be missing; otherwise the pod waits for it. Default false.
      """
    ),
    (
      "SecretVolumeSource",
      """
      The keys of a Secret as files, in memory. A changed Secret changes them within seconds, all at once.
      defaultMode: =ConfigMapVolumeSource
      defaultUser: =ConfigMapVolumeSource
      items: =ConfigMapVolumeSource
      optional: Whether the Secret or a named key may be missing; otherwise the pod waits for it. Default false.
      secretName: The Secret's name, in the pod's namespace.
      """
    ),
    (
      "KeyToPath",
      """
      A key and the file that it becomes.
      key: The key.
      mode: The file's permission bits, 0 to 0777. Default: the volume's defaultMode.
      path: The file, relative to the volume; no '..' in it.
      user: The file's owner.
      """
    ),
    (
      "DownwardAPIVolumeSource",
      """
      Fields of the pod as files. Changed labels and annotations change them.
      defaultMode: =ConfigMapVolumeSource
      defaultUser: =ConfigMapVolumeSource
      items: The files, and what is in each.
      """
    ),
    (
      "DownwardAPIVolumeFile",
      """
      A file with a field of the pod.
      fieldRef: The field. Labels and annotations as a whole are lines of KEY="VALUE".
      mode: The file's permission bits, 0 to 0777. Default: the volume's defaultMode.
      path: The file, relative to the volume; no '..' in it.
      resourceFieldRef: A limit or a request of a container, which must be named.
      user: The file's owner.
      """
    ),
    (
      "EmptyDirVolumeSource",
      """
      An empty folder that lives as long as the pod.
      medium: Where it is: on the node's disk (empty, default), or in memory (Memory), where its files count to the containers' memory.
      mode: The folder's permission bits. Default 0777.
      sizeLimit: How much it may hold, such as 64Mi: in memory the write fails, on disk the pod is evicted. Default no limit of its own.
      """
    ),
    (
      "HostPathVolumeSource",
      """
      A file or a folder of the node.
      path: The path on the node; no '..' in it.
      type: What must be there: Directory, File, Socket, CharDevice, BlockDevice; DirectoryOrCreate and FileOrCreate make it; empty (default) does not look.
      """
    ),
    (
      "ImageVolumeSource",
      """
      The files of an image, read-only.
      pullPolicy: When the image is fetched: Always, Never, IfNotPresent. Default Always for the tag latest or none, else IfNotPresent.
      reference: The image, as a container's.
      """
    ),
    (
      "PersistentVolumeClaimVolumeSource",
      """
      Storage that outlives the pod.
      claimName: The claim's name, in the pod's namespace.
      readOnly: Whether no container can write to it. Default false.
      """
    ),
    (
      "EphemeralVolumeSource",
      """
      A claim made for the pod and gone with it.
      volumeClaimTemplate: What the claim is to be; its name is POD-VOLUME.
      """
    ),
    (
      "PersistentVolumeClaimTemplate",
      """
      What a claim is to be.
      metadata: Labels and annotations of the claim; nothing else can be set.
      spec: What storage is wanted. Cannot be changed.
      """
    ),
    (
      "PersistentVolumeClaimSpec",
      """
      What storage is wanted.
      accessModes: How many may use it at a time: ReadWriteOnce, ReadOnlyMany, ReadWriteMany, ReadWriteOncePod.
      dataSource: A snapshot or a claim to begin as a copy of.
      dataSourceRef: An object of any kind to begin with the contents of.
      resources: How much is wanted.
      selector: Which volumes may be taken, by their labels.
      storageClassName: The kind of storage.
      volumeAttributesClassName: Qualities of the storage that can be changed later.
      volumeMode: Filesystem (default), or Block for a device without one.
      volumeName: The volume that is to be taken.
      """
    ),
    (
      "VolumeResourceRequirements",
      """
      How much storage.
      limits: At most so much.
      requests: At least so much; the key is storage.
      """
    ),
    (
      "ProjectedVolumeSource",
      """
      Several sources together in one folder. Two must not give the same file.
      defaultMode: =ConfigMapVolumeSource
      defaultUser: =ConfigMapVolumeSource
      sources: The sources.
      """
    ),
    (
      "VolumeProjection",
      """
      One source: exactly one of these.
      clusterTrustBundle: Certificates that a cluster trusts.
      configMap: Keys of a ConfigMap.
      downwardAPI: Fields of the pod.
      podCertificate: A certificate made for the pod.
      secret: Keys of a Secret.
      serviceAccountToken: A token of the pod's service account.
      """
    ),
    (
      "ConfigMapProjection",
      """
      Keys of a ConfigMap as files.
      items: =ConfigMapVolumeSource
      name: =ConfigMapVolumeSource
      optional: =ConfigMapVolumeSource
      """
    ),
    (
      "SecretProjection",
      """
      Keys of a Secret as files.
      items: =ConfigMapVolumeSource
      name: The Secret's name, in the pod's namespace.
      optional: =SecretVolumeSource
      """
    ),
    (
      "DownwardAPIProjection",
      """
      Fields of the pod as files.
      items: =DownwardAPIVolumeSource
      """
    ),
    (
      "ServiceAccountTokenProjection",
      """
      A token (JWT) that says who the pod is. It ends with the pod.
      audience: Whom the token is for; others should refuse it. Default: the issuer itself.
      expirationSeconds: For how many seconds it is valid; it is renewed when 80 % of them are over. Default 3600, at least 600.
      path: The file, relative to the volume; no '..' in it.
      user: The file's owner.
      """
    ),
    (
      "ClusterTrustBundleProjection",
      """
      Certificates that a cluster trusts, in one file.
      labelSelector: The bundles, by their labels.
      name: The bundle's name.
      optional: Whether there may be none.
      path: The file, relative to the volume.
      signerName: Whose bundles are taken.
      user: The file's owner.
      """
    ),
    (
      "PodCertificateProjection",
      """
      A key and a certificate made for the pod.
      certificateChainPath: The file for the certificates.
      credentialBundlePath: The file for key and certificates together.
      keyPath: The file for the key.
      keyType: What key is made, such as ED25519.
      maxExpirationSeconds: For how many seconds the certificate may be valid.
      signerName: Who signs it.
      user: The files' owner.
      userAnnotations: What is told to the signer.
      """
    ),
  ]
}
