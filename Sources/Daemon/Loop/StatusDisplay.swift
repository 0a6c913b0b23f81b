/// Where the daemon shows how it is: to the service manager, and in the file of metrics.
struct StatusDisplay {
    var metrics: Metrics
    var supervisor = Supervisor()
}
