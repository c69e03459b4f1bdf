using System.Buffers;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>
/// An answer as lines of JSON, each flushed on its own and an HTTP chunk of its own. Flushing waits while the client reads
/// slower than the model writes, and the engine waits with it.
/// </summary>
internal sealed class Ndjson(HttpContext http)
{
    public const string ContentType = "application/x-ndjson";

    // A line is put together here because the server would begin another chunk wherever one of its own buffers ends.
    private readonly ArrayBufferWriter<byte> _line = new(512);
    private readonly RequestState _state = RequestState.Of(http);

    /// <summary>A whole line that is valid in a stream of this form and says nothing.</summary>
    public static byte[] Nothing(AnswerForm form)
    {
        var line = new ArrayBufferWriter<byte>(256);
        var json = new JsonText(line);
        form.WritePiece(ref json, AnswerPiece.Empty);
        line.Write("\n"u8);
        return line.WrittenSpan.ToArray();
    }

    /// <summary>Starts a line.</summary>
    public JsonText Line() => new(_line);

    /// <summary>To be called once the engine has said something: an error before that still has a status of its own.</summary>
    public void Begin()
    {
        if (!http.Response.HasStarted)
            http.Response.ContentType = ContentType;
    }

    /// <summary>Ends the line and sends it.</summary>
    public async ValueTask SendAsync()
    {
        _line.Write("\n"u8);
        var flushed = await http.Response.BodyWriter.WriteAsync(_line.WrittenMemory, http.RequestAborted).ConfigureAwait(false);
        _state.SentBytes += _line.WrittenCount;
        _line.ResetWrittenCount();
        if (flushed.IsCompleted || flushed.IsCanceled)
            throw new OperationCanceledException("the client has left", http.RequestAborted);
    }
}
