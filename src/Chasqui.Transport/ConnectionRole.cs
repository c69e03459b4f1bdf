namespace Chasqui.Transport;

/// <summary>Which side of a connection this is. After the hello both sides have the same rights.</summary>
public enum ConnectionRole
{
    /// <summary>Dialled; sends its hello first and opens streams with odd ids.</summary>
    Connector,

    /// <summary>Listened; answers the hello and opens streams with even ids.</summary>
    Acceptor,
}
