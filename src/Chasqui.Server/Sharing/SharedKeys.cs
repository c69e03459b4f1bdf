using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Chasqui.Gateway.Telemetry;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>What requests must have in common to be answered once: all that can change the answer, and who they are.</summary>
internal static class SharedKeys
{
    /// <summary>The key of a request of HTTP.</summary>
    /// <remarks>Its class and patience are in it, so that nobody waits in the line of a less urgent one or is refused for another's haste.</remarks>
    public static string Of(HttpContext http, Route route, string model, ReadOnlySpan<byte> body)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Who(hash, RequestState.Of(http).Measure);
        Text(hash, route.Path);
        Text(hash, http.Request.QueryString.Value);
        Text(hash, model);
        Text(hash, http.Request.Headers[DispatchEndpoint.NodeHeader].ToString());
        // Versions and trials of an API.
        foreach (var (name, value) in http.Request.Headers.Where(header => IsOfApi(header.Key)).OrderBy(header => header.Key, StringComparer.OrdinalIgnoreCase))
        {
            Text(hash, name.ToLowerInvariant());
            Text(hash, value.ToString());
        }
        hash.AppendData(body);
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    /// <summary>The key of a request of MCP.</summary>
    public static string Of(string operation, string? node, ReadOnlySpan<byte> message)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Who(hash, RequestMeasure.Current);
        Text(hash, operation);
        Text(hash, node);
        hash.AppendData(message);
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    /// <summary>The key of an answer that is kept.</summary>
    /// <param name="key">That of its request.</param>
    /// <param name="version">What the model's name stands for.</param>
    public static string Of(string key, string version) => "g:" + key + ":" + Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(version)));

    private static void Who(IncrementalHash hash, RequestMeasure? measure)
    {
        Text(hash, measure?.Caller.Sharers);
        Text(hash, measure?.GivenScope);
        Text(hash, measure?.Priority?.ToString());
        Text(hash, measure?.MaxWait?.ToString());
    }

    private static bool IsOfApi(string name) =>
        name.StartsWith("anthropic-", StringComparison.OrdinalIgnoreCase) || name.StartsWith("openai-", StringComparison.OrdinalIgnoreCase);

    private static void Text(IncrementalHash hash, string? text)
    {
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, text?.Length ?? -1);
        hash.AppendData(length);
        if (text is not null)
            hash.AppendData(Encoding.UTF8.GetBytes(text));
    }
}
