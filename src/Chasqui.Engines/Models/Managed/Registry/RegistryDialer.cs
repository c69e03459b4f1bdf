using System.Net;
using System.Net.Sockets;

namespace Chasqui.Engines.Models.Managed.Registry;

/// <summary>
/// Connects to registries, and to where they send us: only to addresses of the public internet, unless the host is one that may be private. It is the address that is
/// looked at which is connected to, so that a name that means another one a moment later changes nothing. Thread-safe.
/// </summary>
/// <param name="trusted">Hosts and ports that may be private; a port of <c>*</c> stands for any.</param>
internal sealed class RegistryDialer(IReadOnlyList<string> trusted)
{
    /// <summary>Connects.</summary>
    /// <exception cref="PrivateAddressException">There is no address that may be connected to.</exception>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var endpoint = context.DnsEndPoint;
        var addresses = IPAddress.TryParse(endpoint.Host.Trim('[', ']'), out var literal) ? [literal] : await Dns.GetHostAddressesAsync(endpoint.Host, cancellationToken).ConfigureAwait(false);
        if (!MayBePrivate(endpoint.Host, endpoint.Port) && !IsProxy(context.InitialRequestMessage.RequestUri, endpoint))
            addresses = Array.FindAll(addresses, PublicAddress.Is);
        if (addresses.Length == 0)
            throw new PrivateAddressException(endpoint.Host);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, endpoint.Port, cancellationToken).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private bool MayBePrivate(string host, int port) => trusted.Any(one => RegistryList.Matches(one, host, port));

    /// <summary>A proxy of the environment is the operator's own; it is the one that connects to the registry then.</summary>
    private static bool IsProxy(Uri? request, DnsEndPoint endpoint) =>
        request is not null && !HttpClient.DefaultProxy.IsBypassed(request) && HttpClient.DefaultProxy.GetProxy(request) is { } proxy && proxy.Port == endpoint.Port
        && proxy.IdnHost.Trim('[', ']').Equals(endpoint.Host.Trim('[', ']'), StringComparison.OrdinalIgnoreCase);
}

/// <summary>A host is on no address that may be connected to.</summary>
internal sealed class PrivateAddressException(string host)
    : IOException($"{host} is on a private address, and is not listed in Models:Registries");
