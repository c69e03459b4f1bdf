using System.Text;
using Chasqui.Gateway.Merging;
using Chasqui.Gateway.Policies;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>
/// A generation as it is kept: the bytes that were sent, with what the log and the client are told beside them. A streamed answer and a whole one are two, as their requests
/// differ; ids, times and durations stay as they were.
/// </summary>
/// <param name="ContentType">Of the body.</param>
/// <param name="IsWhole">Whether its length was announced.</param>
/// <param name="Changes">What a policy changed, in the form of its header; empty for nothing.</param>
/// <param name="PromptTokens">Tokens of the prompt.</param>
/// <param name="CompletionTokens">Tokens of the answer.</param>
/// <param name="Body">The body.</param>
internal sealed record CachedGeneration(string ContentType, bool IsWhole, string Changes, int PromptTokens, int CompletionTokens, byte[] Body)
{
    private const byte Version = 1;

    // With which a streamed answer ends that is complete: Ollama's, OpenAI's chats, its responses, and Anthropic's.
    private static readonly byte[][] _ends = [Bytes("\"done\":true"), Bytes("data: [DONE]"), Bytes("event: response.completed"), Bytes("event: message_stop")];

    /// <summary>What is kept of an answer that has ended.</summary>
    /// <returns>Null where it must not be kept: it is no success, not whole, broken off, or too long.</returns>
    public static CachedGeneration? Of(SharedStream<SharedPart> stream, RequestState state)
    {
        if (!stream.IsWhole || state.Failure is not null || state.HasSaidNothing)
            return null;
        var parts = stream.Items;
        if (parts.Count < 2 || parts[0].Head is not { Status: StatusCodes.Status200OK } head)
            return null;
        var body = new byte[parts.Skip(1).Sum(part => part.Body.Length)];
        var at = 0;
        foreach (var part in parts.Skip(1))
        {
            part.Body.Span.CopyTo(body.AsSpan(at));
            at += part.Body.Length;
        }
        var isWhole = Header(head, "Content-Length").Length > 0;
        if (!isWhole && !IsComplete(body))
            return null;
        return new CachedGeneration(Header(head, "Content-Type"), isWhole, Header(head, OptionChange.HeaderName), state.PromptTokens, state.CompletionTokens, body);
    }

    public static CachedGeneration? Read(ReadOnlyMemory<byte> bytes)
    {
        using var reader = new BinaryReader(new MemoryStream(bytes.ToArray()), Encoding.UTF8);
        try
        {
            return reader.ReadByte() != Version ? null
                : new CachedGeneration(reader.ReadString(), reader.ReadBoolean(), reader.ReadString(), reader.ReadInt32(), reader.ReadInt32(), reader.ReadBytes(reader.ReadInt32()));
        }
        catch (Exception e) when (e is IOException or FormatException or ArgumentException)
        {
            // Another gateway of another time has written it.
            return null;
        }
    }

    public byte[] Write()
    {
        var stream = new MemoryStream();
        using (var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true))
        {
            writer.Write(Version);
            writer.Write(ContentType);
            writer.Write(IsWhole);
            writer.Write(Changes);
            writer.Write(PromptTokens);
            writer.Write(CompletionTokens);
            writer.Write(Body.Length);
            writer.Write(Body);
        }
        return stream.ToArray();
    }

    private static bool IsComplete(ReadOnlySpan<byte> body)
    {
        const int Tail = 4096;
        var tail = body.Length > Tail ? body[^Tail..] : body;
        // The last event of OpenAI's responses repeats the whole answer.
        foreach (var end in _ends)
        {
            if (tail.IndexOf(end) >= 0 || (end[0] == (byte)'e' && body.LastIndexOf(end) >= 0))
                return true;
        }
        return false;
    }

    private static string Header(SharedHead head, string name) =>
        head.Headers.FirstOrDefault(header => header.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value.ToString();

    private static byte[] Bytes(string text) => Encoding.ASCII.GetBytes(text);
}
