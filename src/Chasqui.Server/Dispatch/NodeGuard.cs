using Chasqui.Gateway;
using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Requests;

namespace Chasqui.Server;

/// <summary>What of a request that passes by unread a node is not sent, by the node's options.</summary>
internal static class NodeGuard
{
    /// <summary>Whether it depends on the node.</summary>
    public static bool Concerns(RequestScan scan) => scan.Fetches != Fetches.Nothing || scan.Guarded != GuardedMembers.None;

    /// <summary>Refuses what the node is not to be sent.</summary>
    /// <exception cref="InvalidParameterException">There is such a thing; the message names it.</exception>
    public static void Check(Node node, RequestScan scan)
    {
        if (scan.NumCtx is < 1 and var context)
            throw new InvalidOptionException("num_ctx", FormattableString.Invariant($"{context}"), "a whole number of at least 1");
        if (!Concerns(scan))
            return;
        if (GuardedMember.Refused(scan.Guarded, node.Options.AllowMembers) is { } member)
        {
            throw new InvalidParameterException(member,
                $"\"{member}\" is not allowed here: it reaches deeper into the server that runs the model than an answer needs; leave it out");
        }
        if (scan.Fetches == Fetches.Nothing || node.Options.Images == NodeImages.Any || (scan.Fetches == Fetches.Public && node.Options.Images == NodeImages.Public))
            return;
        var parameter = scan.Dialect == Dialects.OpenAiResponses ? "input" : "messages";
        throw new InvalidParameterException(parameter, node.Options.Images == NodeImages.None
            ? "images by URL are not fetched here; send the image itself, as a data: URL in base64"
            : "an image by URL must be http:// or https:// on a host of the public internet, without user and password; send the image itself, as a data: URL in base64");
    }
}
