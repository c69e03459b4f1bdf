using System.Net;

namespace Chasqui.Server;

/// <summary>An endpoint that <see cref="WireTransportFactory"/> binds, not Kestrel's own transport.</summary>
/// <param name="inner">Where to listen.</param>
internal sealed class WireSocketEndPoint(EndPoint inner) : EndPoint
{
    public EndPoint Inner { get; } = inner;

    public override string ToString() => Inner.ToString() ?? "";
}
