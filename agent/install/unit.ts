// The systemd unit. What it forbids, and what it must not forbid because a training would miss it, see systemd.exec(5).
import { LAYOUT, SERVICE } from "./layout.ts";

export interface UnitOptions {
  readonly user: string;
  readonly group: string;
  /** Groups of GPU devices; only those that there are, or systemd refuses to start. */
  readonly groups: readonly string[];
  /** Is the account our own? Then its home is the service's. */
  readonly ownAccount: boolean;
  /** What must be there, or it does not start. */
  readonly writable: readonly string[];
  /** What may be missing: caches, export folders on other disks. */
  readonly writableIfThere: readonly string[];
}

/** A path in a unit: quoted, and without specifiers. */
const path = (text: string, prefix = "") =>
  `"${prefix}${text.replaceAll("%", "%%").replaceAll(/(["\\])/g, "\\$1")}"`;

export function unitText({
  user,
  group,
  groups,
  ownAccount,
  writable,
  writableIfThere,
}: UnitOptions): string {
  const paths = [
    ...["/tmp", "/var/tmp"].map((each) => path(each)),
    ...writable.map((each) => path(each)),
    ...writableIfThere.map((each) => path(each, "-")),
  ];
  return `# Written by: ${SERVICE} install. Changes belong into: systemctl edit ${SERVICE}
[Unit]
Description=mcp-ai-toolkit, LoRA training for LLM clients
Wants=network-online.target modprobe@nvidia_uvm.service
# The device list below is made when the service starts: the driver has to be there by then.
After=network-online.target modprobe@nvidia_uvm.service nvidia-persistenced.service
StartLimitIntervalSec=0

[Service]
Type=notify
# The message comes from systemd-notify, a child.
NotifyAccess=all
WatchdogSec=60
User=${user}
Group=${group}
${groups.length > 0 ? `SupplementaryGroups=${groups.join(" ")}\n` : ""}${ownAccount ? `StateDirectory=${SERVICE}\n` : ""}EnvironmentFile=${LAYOUT.settings}
# CUDA cannot make its device nodes itself under NoNewPrivileges.
ExecStartPre=-+/usr/bin/nvidia-modprobe -c 0 -u
ExecStart=${LAYOUT.current}/bin/node ${LAYOUT.current}/dist/bin.js
Restart=always
RestartSec=2
# The router will never take this machine as it is.
RestartPreventExitStatus=78
TimeoutStartSec=120
TimeoutStopSec=60

# Trainings outlive the service: only its own process is ended, and one that runs out of memory ends alone.
KillMode=process
OOMPolicy=continue
# The agent comes before other programs; it gives its trainings the opposite.
CPUWeight=200
Nice=-5
OOMScoreAdjust=-500
LimitNOFILE=524288
UMask=0022

# No PrivateTmp: it would go with the service while trainings use it. No MemoryDenyWriteExecute: V8, CUDA and Triton
# make code while they run.
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths=${paths.join(" ")}
DevicePolicy=closed
DeviceAllow=char-nvidia* rw
DeviceAllow=char-drm rw
DeviceAllow=/dev/kfd rw
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=~@clock @cpu-emulation @module @mount @obsolete @raw-io @reboot @swap
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
`;
}
