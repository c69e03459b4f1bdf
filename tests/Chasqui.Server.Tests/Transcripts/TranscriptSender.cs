using System.Globalization;
using System.Text;

namespace Chasqui.Server.Tests;

/// <summary>What came back.</summary>
internal sealed record TranscriptAnswer(int Status, Dictionary<string, string> Headers, string Body);

/// <summary>Sends what was recorded, byte by byte as it was.</summary>
internal static class TranscriptSender
{
    public static async Task<TranscriptAnswer> SendAsync(Uri address, TranscriptCase recorded)
    {
        using var raw = await RawHttp.ConnectAsync(address);
        var head = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{recorded.Method} {recorded.Path} HTTP/1.1\r\nConnection: close\r\n");
        foreach (var (name, value) in recorded.RequestHeaders)
            head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        var body = recorded.RequestBody();
        var chunked = recorded.RequestHeaders.Any(header => header.Key == "Transfer-Encoding");
        if (body is not null && !chunked)
            head.Append(CultureInfo.InvariantCulture, $"Content-Length: {body.Length}\r\n");
        await raw.SendAsync(head.Append("\r\n").ToString());
        if (body is not null && chunked)
            body = [.. Encoding.ASCII.GetBytes($"{body.Length:x}\r\n"), .. body, .. "\r\n0\r\n\r\n"u8];
        if (body is not null)
            await raw.SendAsync(body);

        var (status, headers) = await raw.ReadHeadAsync();
        var text = new StringBuilder();
        if (recorded.Method == "HEAD")
            return new TranscriptAnswer(status, headers, "");
        if (headers.TryGetValue("Content-Length", out var length))
            text.Append(await raw.ReadAsync(int.Parse(length, CultureInfo.InvariantCulture)));
        else if (headers.ContainsKey("Transfer-Encoding"))
        {
            while (await raw.ReadChunkAsync() is { Length: > 0 } chunk)
                text.Append(chunk);
        }
        return new TranscriptAnswer(status, headers, text.ToString());
    }
}
