using Chasqui.Engines.Http;
using Chasqui.Transport;

namespace Chasqui.Server;

/// <summary>The body of a call as it comes, message after message.</summary>
internal sealed class CallBody(IncomingCall call) : ReadStream
{
    private Message? _message;
    private int _taken;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (buffer.Length > 0)
        {
            if (_message is { } message)
            {
                var rest = message.Body[_taken..];
                if (rest.Length > 0)
                {
                    var count = Math.Min(rest.Length, buffer.Length);
                    rest[..count].CopyTo(buffer);
                    _taken += count;
                    return count;
                }
                message.Dispose();
            }
            (_message, _taken) = (await call.ReadAsync(cancellationToken).ConfigureAwait(false), 0);
            if (_message is null)
                return 0;
        }
        return 0;
    }

    protected override void Dispose(bool disposing)
    {
        _message?.Dispose();
        _message = null;
        base.Dispose(disposing);
    }
}
