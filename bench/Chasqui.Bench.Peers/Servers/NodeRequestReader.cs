using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Chasqui.Bench.Peers.Servers;

/// <param name="Path">Without its query.</param>
/// <param name="Stream">Whether the body asks for a stream; null where it does not say.</param>
internal sealed record NodeRequest(string Path, bool? Stream)
{
    /// <summary>Reads what matters of a request's body, without parsing it.</summary>
    public static bool? AsksForStream(ReadOnlySpan<byte> body)
    {
        var at = body.IndexOf("\"stream\":"u8);
        return at < 0 ? null : body[(at + 9)..].TrimStart((byte)' ').StartsWith("true"u8);
    }
}

/// <summary>Reads requests of HTTP/1.1 from a socket, as the proxies of the benchmark send them: with a length, one after the other.</summary>
internal sealed class NodeRequestReader(Socket socket) : IDisposable
{
    private const int Limit = 1 << 20;

    private readonly byte[] _buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(64 << 10);
    private int _filled;
    private int _used;

    /// <returns>Null when the other side has closed.</returns>
    public NodeRequest? Read()
    {
        _buffer.AsSpan(_used, _filled - _used).CopyTo(_buffer);
        (_filled, _used) = (_filled - _used, 0);
        int end;
        while ((end = _buffer.AsSpan(0, _filled).IndexOf("\r\n\r\n"u8)) < 0)
        {
            if (!Fill())
                return null;
        }

        var head = Encoding.ASCII.GetString(_buffer, 0, end + 2);
        var length = LengthOf(head);
        while (_filled < end + 4 + length)
        {
            if (!Fill())
                return null;
        }
        _used = end + 4 + length;
        var path = head.Split(' ', 3)[1].Split('?', 2)[0];
        return new NodeRequest(path, NodeRequest.AsksForStream(_buffer.AsSpan(end + 4, length)));
    }

    public void Dispose() => System.Buffers.ArrayPool<byte>.Shared.Return(_buffer);

    private static int LengthOf(string head)
    {
        const string Name = "\r\ncontent-length:";
        if (head.Contains("\r\ntransfer-encoding:", StringComparison.OrdinalIgnoreCase))
            throw new SocketException((int)SocketError.OperationNotSupported);
        var at = head.IndexOf(Name, StringComparison.OrdinalIgnoreCase);
        if (at < 0)
            return 0;
        at += Name.Length;
        var length = int.Parse(head.AsSpan(at, head.IndexOf("\r\n", at, StringComparison.Ordinal) - at), NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture);
        return length < Limit ? length : throw new SocketException((int)SocketError.MessageSize);
    }

    private bool Fill()
    {
        if (_filled == _buffer.Length)
            throw new SocketException((int)SocketError.MessageSize);
        var read = socket.Receive(_buffer, _filled, _buffer.Length - _filled, SocketFlags.None);
        _filled += read;
        return read > 0;
    }
}
